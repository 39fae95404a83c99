//! kbox-council
