//! Signed HTTPS calls to Huawei Cloud that say what is proved about delivery
