//! kbox-proof
