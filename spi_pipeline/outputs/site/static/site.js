// What pages do beyond being read; each can be read without.
"use strict";
