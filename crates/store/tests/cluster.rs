//! What several gateways on one database owe each other.

#![cfg(test)]

#[path = "contract"]
mod contract {
    #[expect(dead_code, reason = "what else is in it is used by the contract")]
    pub(crate) mod world;
}

mod cluster {
    mod changes;
    mod log;
    mod losses;
    mod nodes;
}
