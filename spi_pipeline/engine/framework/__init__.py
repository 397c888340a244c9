"""What an index is made of and how it is computed, as stated: its tree, methods, values and doubts, and every fault.

Reading, checking and explaining a framework belong here; computing with it does not.
"""
