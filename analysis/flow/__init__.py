"""Flow matching (docs/howto/from-flow-matching.md): one velocity network, trained on pairs of three kinds."""
