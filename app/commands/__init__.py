"""What each command of the command line does; `app.cli` names them and loads them when called.

A module here may import whatever its command needs; none is imported by another room or door.
"""
