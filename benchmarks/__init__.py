"""Speed and cost, always against the plain baseline in the same run."""
