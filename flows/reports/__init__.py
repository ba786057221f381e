"""Documents for people: certificate, evacuation inventory."""
