//! The rules that the barrier stands on.

/// A rule of the protocol that a model can break, to show what it is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A node reads the changes before it trusts its index for longer.
    ReadThenTrust,
    /// What a node trusts is counted from before its beat.
    TrustFromBeforeTheBeat,
    /// A node whose row is gone registers before it goes on.
    RegisterWhenRemoved,
    /// A node that registers reads the changes before it trusts what it loaded.
    ReadAfterRegistering,
    /// A row says that a change is applied when it is applied, not when it is read.
    ApplyThenTell,
    /// The rows are read after the commit.
    CommitThenReadNodes,
    /// The wait is counted from after the commit.
    WaitFromAfterTheCommit,
    /// A beat is never used twice, also when a row is removed and comes back.
    FreshBeats,
    /// A beat that was answered is on the database's disk.
    DurableBeats,
    /// A node that leaves serves nothing from before its row is gone.
    StopThenLeave,
    /// Each process has a row of its own, also when it follows another on the same machine.
    OneProcessARow,
    /// A clock goes on while its host sleeps.
    ClocksDoNotSleep,
    /// A request asks whether the index is trusted before it looks into it.
    TrustThenLookUp,
}
