//! How far a deployment is, for whoever shows it.

/// Told of how far a deployment is. Called from one task; none of the calls may block.
pub trait Progress: Send {
    /// So many files with so many bytes have to be sent.
    fn begin(&mut self, files: usize, bytes: u64);
    /// One more file, with so many bytes, has arrived.
    fn sent(&mut self, bytes: u64);
    /// All have arrived, or sending was given up.
    fn end(&mut self);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&mut self, _files: usize, _bytes: u64) {}
    fn sent(&mut self, _bytes: u64) {}
    fn end(&mut self) {}
}
