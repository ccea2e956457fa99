//! shim
use std::time::Duration;
/// shim
pub struct AllowedCommand(pub Vec<String>, pub Duration);
impl AllowedCommand {
/// s
pub fn argv(&self)->&[String]{&self.0}
/// s
pub fn masked_argv(&self)->&[String]{&self.0}
/// s
pub fn timeout(&self)->Duration{self.1}
}
