"""How many visitors one worker on one core bears, against the figures that Docent promises."""
