"""The source of truth: connections (`engine`), the one that listens (`listener`), and tables."""
