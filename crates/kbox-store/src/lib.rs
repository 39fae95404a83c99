//! kbox-store
