"""The second imitation: a server for an invented town that shares no code with the first; see ``server``."""
