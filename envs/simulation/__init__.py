"""MuJoCo scenes: models, cameras, rendering, contacts, and what varies in them."""
