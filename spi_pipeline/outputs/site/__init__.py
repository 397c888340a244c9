"""The public site: static pages made from the published tables and nothing else.

``results`` holds the tables in the form that pages need, ``figures`` writes numbers so that they can be read back,
``words`` phrases facts in plain English, ``drawing`` makes shapes for charts. Each kind of page is a module in
``pages`` and a template of the same name; ``build`` writes them. Python decides what a page says, templates and
``static`` how it looks. Pages load nothing from elsewhere, and every page can be read without JavaScript.
"""
