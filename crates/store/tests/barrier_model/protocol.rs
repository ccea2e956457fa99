//! The revocation barrier as a model checker sees it: what each process may do in each state, and nothing of how.
//!
//! Every action is one atomic statement of the database or one step inside a process. Any process may pause before any
//! of its steps for any time, and a message may be lost: then the process gives up and begins again, while its statement
//! may still take effect at any later time. Clocks are monotonic and run at one rate, but nobody compares them: a process
//! knows only how much time has passed since something that it noted. So states hold ages, not times, and an age stops
//! growing when it can make no more difference. That makes the space finite without a bound on time, on the number of
//! renewals, of removals or of returns.

use stateright::{Model, Property};

use super::rule::Rule;
use super::state::{Age, Answer, Number, Process, Revoke, Row, Seen, State, Step};

/// How long things last, in ticks, and which rule is broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Barrier<const NODES: usize, const REVOKES: usize> {
    /// How long a revoke waits for nodes that do not say that they have applied it.
    pub(crate) lease: Age,
    /// How long a node trusts its index after it began to renew.
    pub(crate) trust: Age,
    /// How long a row's beat stays as it is until somebody removes the row.
    pub(crate) removal: Age,
    pub(crate) broken: Option<Rule>,
}

/// One step of one process. The number is the node's, or the revoke's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Tick,
    TickWhileOneSleeps(usize),
    /// A process starts, and loads what is there.
    Load(usize),
    /// A node begins to renew: it notes the time.
    BeginRenewal(usize),
    Beat(usize),
    Register(usize),
    ReadChanges(usize),
    ApplyChanges(usize),
    TrustForLonger(usize),
    /// A node hears no answer, and will begin again.
    GiveUp(usize),
    /// A statement that its node may long have given up takes effect.
    StrayBeat(usize),
    StrayRegister(usize, Number),
    /// A row is told what its node had applied now or at any time before.
    TellApplied(usize, Number),
    /// Somebody sees a row's beat for the first time.
    Observe(usize),
    /// Somebody who saw the same beat for long enough removes the row, if that is still its beat.
    Remove(usize),
    /// A node takes its row away itself, and ends.
    Leave(usize),
    LookUp(usize),
    /// The database's server fails, and comes back without a row.
    Forget(usize),
    NoteTimeTooEarly(usize),
    ReadNodesTooEarly(usize),
    Commit(usize),
    NoteTime(usize),
    AnswerBecauseApplied(usize),
    AnswerBecauseWaited(usize),
}

pub(crate) const SAFE: &str = "no node serves what a revoke that was answered has ended";
pub(crate) const REGISTERED: &str = "a node that serves has a row";

impl<const NODES: usize, const REVOKES: usize> Barrier<NODES, REVOKES> {
    fn breaks(self, rule: Rule) -> bool {
        self.broken == Some(rule)
    }

    /// Whose row this node's statements are about.
    fn row_of(self, node: usize) -> usize {
        if self.breaks(Rule::OneProcessARow) { 0 } else { node }
    }

    fn insert(self, state: &mut State<NODES, REVOKES>, node: usize, applied: Number) {
        let row = self.row_of(node);
        if state.rows[row].is_none() {
            state.rows[row] = Some(Row { applied, first_beat: self.breaks(Rule::FreshBeats) });
        } else {
            self.beat(state, node);
            state.rows[row] = Some(Row { applied, first_beat: false });
        }
    }

    fn beat(self, state: &mut State<NODES, REVOKES>, node: usize) {
        let row = self.row_of(node);
        if let Some(present) = &mut state.rows[row] {
            present.first_beat = false;
        }
        self.forget_beat(state, row);
    }

    /// Nobody will see this row's present beat again, unless beats come back.
    fn forget_beat(self, state: &mut State<NODES, REVOKES>, row: usize) {
        let comes_back = self.breaks(Rule::FreshBeats) && state.seen[row].is_some_and(|seen| seen.first_beat);
        if !comes_back {
            state.seen[row] = None;
        }
    }

    fn tick(self, state: &mut State<NODES, REVOKES>, sleeper: Option<usize>) {
        for (node, process) in state.processes.iter_mut().enumerate() {
            if sleeper != Some(node) {
                process.trust = process.trust.saturating_sub(1);
                if let Step::Beat(age)
                | Step::Register(age)
                | Step::Read(age)
                | Step::Apply(age, _)
                | Step::Trust(age) = &mut process.step
                {
                    *age = (*age + 1).min(self.trust);
                }
            }
        }
        for seen in state.seen.iter_mut().flatten() {
            seen.age = (seen.age + 1).min(self.removal);
        }
        for revoke in &mut state.revokes {
            if let Revoke::NotedTooEarly(age) | Revoke::Waiting(_, age) = revoke {
                *age = (*age + 1).min(self.lease);
            }
        }
    }

    fn step_node(self, state: &mut State<NODES, REVOKES>, node: usize, action: Action) -> Option<()> {
        let row = self.row_of(node);
        let process = state.processes[node];
        let step = match (action, process.step) {
            (Action::Load(_), Step::NotStarted) => {
                state.processes[node].applied = state.head();
                Step::Idle
            }
            (Action::BeginRenewal(_), Step::Idle) => Step::Beat(0),
            (Action::Beat(_), Step::Beat(age)) => {
                if state.rows[row].is_some() {
                    self.beat(state, node);
                    if self.breaks(Rule::ReadThenTrust) { Step::Trust(age) } else { Step::Read(age) }
                } else if self.breaks(Rule::RegisterWhenRemoved) && state.removed[row] {
                    Step::Read(age)
                } else {
                    Step::Register(age)
                }
            }
            (Action::Register(_), Step::Register(age)) => {
                self.insert(state, node, process.applied);
                if self.breaks(Rule::ReadAfterRegistering) { Step::Trust(age) } else { Step::Read(age) }
            }
            (Action::ReadChanges(_), Step::Read(age)) => Step::Apply(age, state.head()),
            (Action::ApplyChanges(_), Step::Apply(age, head)) => {
                state.processes[node].applied = head;
                match self.broken {
                    Some(Rule::ReadThenTrust) => Step::Idle,
                    Some(Rule::TrustFromBeforeTheBeat) => Step::Trust(0),
                    _ => Step::Trust(age),
                }
            }
            (Action::TrustForLonger(_), Step::Trust(age)) => {
                state.processes[node].trust = process.trust.max(self.trust - age);
                if self.breaks(Rule::ReadThenTrust) { Step::Read(age) } else { Step::Idle }
            }
            (Action::GiveUp(_), step) if !matches!(step, Step::NotStarted | Step::Idle) => Step::Idle,
            (Action::StrayBeat(_), step) if state.rows[row].is_some() => {
                self.beat(state, node);
                step
            }
            (Action::StrayRegister(_, applied), step) if state.rows[row].is_none() => {
                self.insert(state, node, applied);
                step
            }
            (Action::TellApplied(_, applied), step) => {
                let told = state.rows[row].as_mut()?;
                told.applied = applied;
                step
            }
            (Action::Leave(_), step) if step != Step::NotStarted => {
                state.rows[row] = None;
                self.forget_beat(state, row);
                if self.breaks(Rule::StopThenLeave) {
                    Step::Idle
                } else {
                    state.processes[node] = Process::NOT_STARTED;
                    Step::NotStarted
                }
            }
            (Action::LookUp(_), step) if state.revokes.iter().any(|revoke| revoke.answered().is_some()) => {
                state.processes[node].looked_up = Some(process.applied);
                step
            }
            _ => return None,
        };
        state.processes[node].step = step;
        Some(())
    }

    fn step_row(self, state: &mut State<NODES, REVOKES>, row: usize, action: Action) -> Option<()> {
        let present = state.rows[row]?;
        let same_beat = state.seen[row].filter(|seen| seen.first_beat == present.first_beat);
        match (action, same_beat) {
            (Action::Observe(_), None) => {
                state.seen[row] = Some(Seen { age: 0, first_beat: present.first_beat });
            }
            (Action::Remove(_), Some(seen)) if seen.age >= self.removal => {
                state.rows[row] = None;
                state.removed[row] = true;
                self.forget_beat(state, row);
            }
            (Action::Forget(_), _) => {
                state.rows[row] = None;
                self.forget_beat(state, row);
            }
            _ => return None,
        }
        Some(())
    }

    fn step_revoke(self, state: &mut State<NODES, REVOKES>, revoke: usize, action: Action) -> Option<()> {
        state.revokes[revoke] = match (action, state.revokes[revoke]) {
            (Action::NoteTimeTooEarly(_), Revoke::NotBegun) => Revoke::NotedTooEarly(0),
            (Action::ReadNodesTooEarly(_), Revoke::NotBegun) => {
                Revoke::ReadTooEarly(state.rows.map(|row| row.is_some()))
            }
            (Action::Commit(_), Revoke::NotBegun) => Revoke::Committed(state.head() + 1),
            (Action::Commit(_), Revoke::NotedTooEarly(age)) => Revoke::Waiting(state.head() + 1, age),
            (Action::Commit(_), Revoke::ReadTooEarly(rows)) => {
                Revoke::CommittedKnowing(state.head() + 1, rows)
            }
            (Action::NoteTime(_), Revoke::Committed(number)) => Revoke::Waiting(number, 0),
            (Action::AnswerBecauseWaited(_), Revoke::Waiting(number, age)) if age >= self.lease => {
                Revoke::Answered(number, Answer::Waited)
            }
            (Action::AnswerBecauseApplied(_), Revoke::Committed(number) | Revoke::Waiting(number, _))
                if state.rows.iter().flatten().all(|row| row.applied >= number) =>
            {
                Revoke::Answered(number, Answer::Applied)
            }
            (Action::AnswerBecauseApplied(_), Revoke::CommittedKnowing(number, known))
                if state
                    .rows
                    .iter()
                    .zip(known)
                    .all(|(row, known)| !known || row.is_none_or(|row| row.applied >= number)) =>
            {
                Revoke::Answered(number, Answer::Applied)
            }
            _ => return None,
        };
        Some(())
    }
}

impl<const NODES: usize, const REVOKES: usize> Model for Barrier<NODES, REVOKES> {
    type State = State<NODES, REVOKES>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![State {
            processes: [Process::NOT_STARTED; NODES],
            rows: [None; NODES],
            seen: [None; NODES],
            removed: [false; NODES],
            revokes: [Revoke::NotBegun; REVOKES],
        }]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        for (node, process) in state.processes.iter().enumerate() {
            if self.breaks(Rule::ClocksDoNotSleep) {
                actions.push(Action::TickWhileOneSleeps(node));
            }
            actions.extend(match process.step {
                Step::NotStarted => Some(Action::Load(node)),
                Step::Idle => Some(Action::BeginRenewal(node)),
                Step::Beat(_) => Some(Action::Beat(node)),
                Step::Register(_) => Some(Action::Register(node)),
                Step::Read(_) => Some(Action::ReadChanges(node)),
                Step::Apply(..) => Some(Action::ApplyChanges(node)),
                Step::Trust(_) => Some(Action::TrustForLonger(node)),
            });
            actions.extend([Action::GiveUp(node), Action::Observe(node), Action::Remove(node)]);
            if process.step != Step::NotStarted {
                actions.extend([Action::StrayBeat(node), Action::Leave(node)]);
                let told = match process.step {
                    Step::Apply(_, head) if self.breaks(Rule::ApplyThenTell) => head,
                    _ => process.applied,
                };
                for applied in 0..=told {
                    actions
                        .extend([Action::StrayRegister(node, applied), Action::TellApplied(node, applied)]);
                }
                if self.breaks(Rule::DurableBeats) {
                    actions.push(Action::Forget(node));
                }
                if self.breaks(Rule::TrustThenLookUp) {
                    actions.push(Action::LookUp(node));
                }
            }
        }
        for (number, revoke) in state.revokes.iter().enumerate() {
            match revoke {
                Revoke::NotBegun if self.breaks(Rule::WaitFromAfterTheCommit) => {
                    actions.push(Action::NoteTimeTooEarly(number));
                }
                Revoke::NotBegun if self.breaks(Rule::CommitThenReadNodes) => {
                    actions.push(Action::ReadNodesTooEarly(number));
                }
                Revoke::NotBegun | Revoke::NotedTooEarly(_) | Revoke::ReadTooEarly(_) => {
                    actions.push(Action::Commit(number));
                }
                Revoke::Committed(_) => {
                    actions.extend([Action::NoteTime(number), Action::AnswerBecauseApplied(number)]);
                }
                Revoke::CommittedKnowing(..) => actions.push(Action::AnswerBecauseApplied(number)),
                Revoke::Waiting(..) => {
                    actions
                        .extend([Action::AnswerBecauseApplied(number), Action::AnswerBecauseWaited(number)]);
                }
                Revoke::Answered(..) => {}
            }
        }
    }

    fn next_state(&self, last: &Self::State, action: Action) -> Option<Self::State> {
        let mut state = *last;
        match action {
            Action::Tick => self.tick(&mut state, None),
            Action::TickWhileOneSleeps(node) => self.tick(&mut state, Some(node)),
            Action::Observe(row) | Action::Remove(row) | Action::Forget(row) => {
                self.step_row(&mut state, row, action)?;
            }
            Action::NoteTimeTooEarly(revoke)
            | Action::ReadNodesTooEarly(revoke)
            | Action::Commit(revoke)
            | Action::NoteTime(revoke)
            | Action::AnswerBecauseApplied(revoke)
            | Action::AnswerBecauseWaited(revoke) => self.step_revoke(&mut state, revoke, action)?,
            Action::Load(node)
            | Action::BeginRenewal(node)
            | Action::Beat(node)
            | Action::Register(node)
            | Action::ReadChanges(node)
            | Action::ApplyChanges(node)
            | Action::TrustForLonger(node)
            | Action::GiveUp(node)
            | Action::StrayBeat(node)
            | Action::StrayRegister(node, _)
            | Action::TellApplied(node, _)
            | Action::Leave(node)
            | Action::LookUp(node) => self.step_node(&mut state, node, action)?,
        }
        if self.broken.is_none() {
            // Nodes are alike. (Not where a broken rule makes two of them share something.)
            state = state.in_order();
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![Property::always(SAFE, |_: &Self, state: &Self::State| state.is_safe())];
        if self.broken.is_none() {
            properties.extend([
                Property::always(REGISTERED, |_: &Self, state: &Self::State| {
                    state.each_node().all(|(process, row, _)| process.trust == 0 || row.is_some())
                }),
                Property::sometimes(
                    "a revoke is answered because every node has applied it, and all of them serve",
                    |_: &Self, state: &Self::State| {
                        state.is_answered_by(Answer::Applied)
                            && state.each_node().all(|(process, _, _)| process.trust > 0)
                    },
                ),
                Property::sometimes(
                    "a revoke is answered by waiting for a node that does not say that it has applied it",
                    |_: &Self, state: &Self::State| {
                        state.is_answered_by(Answer::Waited)
                            && state.each_node().any(|(_, row, _)| row.is_some_and(|row| row.applied == 0))
                    },
                ),
                Property::sometimes("a row is removed", |_: &Self, state: &Self::State| {
                    state.each_node().any(|(_, row, removed)| removed && row.is_none())
                }),
                Property::sometimes(
                    "a node that was removed serves again",
                    |_: &Self, state: &Self::State| {
                        state.each_node().any(|(process, _, removed)| removed && process.trust > 0)
                    },
                ),
            ]);
        }
        properties
    }
}
