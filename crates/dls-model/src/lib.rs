//! What the release-package API of DataArts Studio says: requests, answers, limits and errors as plain values
