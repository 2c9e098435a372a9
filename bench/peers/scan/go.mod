module oci-ts.invalid/bench/scan

go 1.21
