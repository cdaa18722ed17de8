"""Training of the four models: corpora to rows (`data`), one script per model, measurement.

Arrows run one way: `training` imports `pipeline`, never the other way.
"""
