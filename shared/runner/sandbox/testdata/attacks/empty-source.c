// want: CE
