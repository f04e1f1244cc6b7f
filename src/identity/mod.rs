//! Who a peer can be: SPIFFE IDs, DNS names, addresses, mailboxes, URIs, distinguished names.
