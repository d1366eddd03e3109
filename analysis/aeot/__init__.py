"""AE-OT on images: an auto-encoder learns codes, Brenier carries noise to them, the decoder makes images (docs/aeot.md)."""
