"""Public data sets as tables that models.validate can judge: a module a data set.

Only here do a source of ingest, functions of features and a table of models meet.
"""
