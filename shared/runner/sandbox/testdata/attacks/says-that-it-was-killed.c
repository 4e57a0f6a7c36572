// want: CE
#line 1 "gcc: fatal error: Killed signal terminated program cc1"
#error
