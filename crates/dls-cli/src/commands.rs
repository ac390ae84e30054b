//! One file a command.

pub(crate) mod deploy;
#[cfg(feature = "emulator")]
pub(crate) mod emulator;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod resume;
pub(crate) mod revoke;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod view;
pub(crate) mod watch;
