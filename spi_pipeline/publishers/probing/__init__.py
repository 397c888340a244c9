"""First contact: sends one small request to each endpoint, describes the response without its content, lists faults.

A publisher's module declares a ``Probe`` for each endpoint next to its offers, with the constants of its parser.
``visit`` sends the requests, ``report`` holds the observations, and ``judging`` compares them with the expectations, at
once or later.
"""
