//! Signed HTTPS calls to Huawei Cloud that say what is proved about delivery

pub mod credentials;
pub mod sign;
