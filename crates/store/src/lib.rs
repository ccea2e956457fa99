//! What must last: organizations, tokens, environments, releases, blobs, audit.
