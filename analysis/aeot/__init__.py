"""AE-OT on images (docs/howto/aeot.md): an auto-encoder learns codes, Brenier carries noise to them, the decoder makes images."""
