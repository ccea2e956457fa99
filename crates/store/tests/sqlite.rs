//! What is owed by the embedded backend alone: its directory, its schema, its files, a full disk.

#![cfg(test)]

#[path = "contract"]
mod contract {
    #[expect(dead_code, reason = "what else is in it is used by the contract")]
    pub(crate) mod secrets;
    #[expect(dead_code, reason = "what else is in it is used by the contract")]
    pub(crate) mod world;
}

mod sqlite {
    mod directory;
    mod displaced;
    #[cfg(target_os = "linux")]
    mod full_disk;
    mod keys;
    mod migrations;
    mod object_store;
    mod schema;
    mod shared_directory;
    mod tampering;
    mod undone;
}
