"""Explanations of a published figure, as data: a score, a change, an interval, a gap. Nothing is recomputed."""
