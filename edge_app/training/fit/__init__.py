"""`edge-app fit`: what an app needs on a board, before it is deployed."""
