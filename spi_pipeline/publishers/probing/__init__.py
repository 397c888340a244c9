"""First contact: one small request to each endpoint, what came told without its content, and what is wrong with that.

A publisher's module states a ``Probe`` for each endpoint beside what it offers, by the constants its parser reads by.
``visit`` asks, ``report`` holds what was seen, ``judging`` holds that against what is expected, now or later.
"""
