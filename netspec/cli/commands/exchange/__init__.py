"""to and from other programs"""
