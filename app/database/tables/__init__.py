"""Every mapped table, used qualified by its file: `catalog.League`, `matches.LiveScore`.

Read `catalog`, `matches`, `markets`, `changes`, `polling`, `health`, `dead_letters`,
`access`. Migrations write the schema;
a test holds these mappings equal to it.
"""
