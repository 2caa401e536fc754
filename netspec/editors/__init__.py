"""Colours for `.net` text: a Pygments lexer, a TextMate grammar (net.tmLanguage.json), and HTML for notebooks.

All three follow `words.py`; a test compares them with the language's own reserved words and layers.
"""
