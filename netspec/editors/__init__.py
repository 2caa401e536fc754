"""Colours for `.net` text: a Pygments lexer, a TextMate grammar, and HTML for notebooks. The grammar lies in vscode/, which is
the extension for VS Code.

All three follow `words.py`; a test compares them with the language's own reserved words and layers.
"""
