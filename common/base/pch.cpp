// Carries the flags under which the precompiled header of standard headers is built.
