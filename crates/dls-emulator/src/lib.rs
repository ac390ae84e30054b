//! A strict local stand-in of the release-package API of DataArts Studio, with a ledger
