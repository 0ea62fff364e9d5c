"""Chinese message sets (T/CSAE 53, YD/T 3709): ASN.1 modules, quantities, rules, BSM columns."""
