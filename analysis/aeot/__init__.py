"""AE-OT on images (docs/howto/aeot.md): codes by an auto-encoder, noise to codes by Brenier, images by the decoder."""
