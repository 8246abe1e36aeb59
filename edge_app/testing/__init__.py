"""What authors of plugins use to test them: fake buses, fake sound, a clock, the contract suite."""
