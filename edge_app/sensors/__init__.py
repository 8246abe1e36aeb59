"""Sources of frames: chip drivers, microphone, recordings, simulations."""
