"""What a recipe learns from: an app's front end, recordings as windows, windows as features and samples."""
