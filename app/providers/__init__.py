"""The outside world: one folder a provider, each speaking its language up to an Observation.

Read `provider` for what every provider answers. A provider knows nothing of the database.
"""
