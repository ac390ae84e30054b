#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backoff;
mod budget;
mod builder;
mod carried;
mod clock;
mod connect;
pub mod credentials;
mod error;
mod exchange;
mod hyper_exchange;
mod limiter;
mod limits;
mod origin;
mod outgoing;
mod pool;
mod ready;
mod resend;
mod retry_after;
pub mod sign;
mod stream;
mod tls;
mod trace;
mod transport;

pub use builder::TransportBuilder;
pub use error::{Delivery, Error, ErrorKind, Phase};
pub use exchange::{ClockSkew, Facts};
pub use limiter::Rate;
pub use limits::Limits;
pub use origin::PlaintextHosts;
pub use ready::Ready;
pub use resend::Resend;
pub use tls::Roots;
pub use transport::Transport;
