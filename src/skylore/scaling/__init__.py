"""Laws by which a loss falls with data and parameters: fits, intervals, choice and advice."""
