//! What to do next when releasing packages: a sans-IO state machine from 'release these' to a verdict on each
