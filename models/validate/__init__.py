"""Proof of what the models can and cannot do: protocols, baselines, metrics and gates (SCIENCE 6).

Tables of plain arrays come in, a report goes out. Nothing here reads a file of a data set, knows a
clock or learns outside a training fold.
"""
