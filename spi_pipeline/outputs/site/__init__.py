"""The public site: static pages made from the published tables and nothing else.

``results`` holds the tables as pages ask for them, ``figures`` writes numbers so that they can be read back, ``words``
says things in plain English, ``drawing`` makes shapes for charts. Each kind of page is a module in ``pages`` and a
template of the same name; ``build`` writes them. What a page says is decided in Python, how it looks in templates and
``static``. Nothing is fetched from anywhere, and every page can be read without JavaScript.
"""
