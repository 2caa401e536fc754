"""what a text says"""
