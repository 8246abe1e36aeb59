"""What a configuration may say of chips on a bus; loaded when it names one."""
