//! What a state of the barrier's model holds: the database's rows, and what each process remembers.

/// Ticks since something that a process noted.
pub(crate) type Age = u8;
/// The number of a change. 0 is what was there at first.
pub(crate) type Number = u8;
/// Ticks for which a node still trusts its index.
pub(crate) type Trust = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State<const NODES: usize, const REVOKES: usize> {
    pub(crate) processes: [Process; NODES],
    pub(crate) rows: [Option<Row>; NODES],
    /// Of each row, what an observer remembers. One is enough: who saw a beat first may remove the row first, and all
    /// that the others could do is the same removal.
    pub(crate) seen: [Option<Seen>; NODES],
    /// Which rows were ever removed: for what must be possible, and read by no rule that holds.
    pub(crate) removed: [bool; NODES],
    pub(crate) revokes: [Revoke<NODES>; REVOKES],
}

impl<const NODES: usize, const REVOKES: usize> State<NODES, REVOKES> {
    /// The number of the last change that was committed.
    pub(crate) fn head(&self) -> Number {
        self.revokes.iter().filter_map(Revoke::committed).max().unwrap_or(0)
    }

    /// The one state that stands for all that differ from it in the nodes' order alone.
    pub(crate) fn in_order(self) -> Self {
        let key =
            |&node: &usize| (self.processes[node], self.rows[node], self.seen[node], self.removed[node]);
        let mut order: [usize; NODES] = std::array::from_fn(|node| node);
        if order.is_sorted_by_key(&key) {
            return self;
        }
        order.sort_by_key(key);
        Self {
            processes: order.map(|node| self.processes[node]),
            rows: order.map(|node| self.rows[node]),
            seen: order.map(|node| self.seen[node]),
            removed: order.map(|node| self.removed[node]),
            revokes: self.revokes,
        }
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.revokes.iter().filter_map(Revoke::answered).all(|(number, _)| {
            self.processes.iter().filter(|process| process.trust > 0).all(|process| {
                process.applied >= number && process.looked_up.is_none_or(|applied| applied >= number)
            })
        })
    }

    pub(crate) fn is_answered_by(&self, answer: Answer) -> bool {
        self.revokes.iter().filter_map(Revoke::answered).any(|(_, given)| given == answer)
    }

    /// Each process with its row, and whether the row was ever removed.
    pub(crate) fn each_node(&self) -> impl Iterator<Item = (Process, Option<Row>, bool)> {
        self.processes
            .into_iter()
            .zip(self.rows)
            .zip(self.removed)
            .map(|((process, row), removed)| (process, row, removed))
    }
}

/// A gateway's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Process {
    pub(crate) step: Step,
    pub(crate) applied: Number,
    pub(crate) trust: Trust,
    /// What a request that began after a revoke's answer found the index to hold, when it looks before it asks.
    pub(crate) looked_up: Option<Number>,
}

impl Process {
    pub(crate) const NOT_STARTED: Self =
        Self { step: Step::NotStarted, applied: 0, trust: 0, looked_up: None };
}

/// What a node does next to renew its trust. The age is that of the time it noted at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    NotStarted,
    Idle,
    Beat(Age),
    Register(Age),
    Read(Age),
    /// It has read the changes up to this number.
    Apply(Age, Number),
    Trust(Age),
}

/// A node's row in the database. Its beat is not held as a number: all that matters is whether an observer saw this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    pub(crate) applied: Number,
    /// Whether its beat is the one that every row begins with, where there is such a one.
    pub(crate) first_beat: bool,
}

/// The beat of a row that an observer saw, and for how long. It is forgotten with a beat that can't come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seen {
    pub(crate) age: Age,
    pub(crate) first_beat: bool,
}

/// How far a revoke has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Revoke<const NODES: usize> {
    NotBegun,
    NotedTooEarly(Age),
    /// It knows which rows there are.
    ReadTooEarly([bool; NODES]),
    Committed(Number),
    CommittedKnowing(Number, [bool; NODES]),
    Waiting(Number, Age),
    Answered(Number, Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    Applied,
    Waited,
}

impl<const NODES: usize> Revoke<NODES> {
    /// The number of its change, once that is committed.
    fn committed(&self) -> Option<Number> {
        match *self {
            Self::NotBegun | Self::NotedTooEarly(_) | Self::ReadTooEarly(_) => None,
            Self::Committed(number)
            | Self::CommittedKnowing(number, _)
            | Self::Waiting(number, _)
            | Self::Answered(number, _) => Some(number),
        }
    }

    /// The number of its change and the reason, once it is answered.
    pub(crate) fn answered(&self) -> Option<(Number, Answer)> {
        match *self {
            Self::Answered(number, answer) => Some((number, answer)),
            _ => None,
        }
    }
}
